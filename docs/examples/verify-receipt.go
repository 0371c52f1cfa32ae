// Verifies a receipt without the deployment: go run verify-receipt.go jwks.json receipt.jwt sha256:ACTION_DIGEST
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type key struct{ Kty, Crv, X, Kid string }

func main() {
	jwks, _ := os.ReadFile(os.Args[1])
	token, _ := os.ReadFile(os.Args[2])
	part := strings.Split(strings.TrimSpace(string(token)), ".")
	var set struct{ Keys []key }
	var header struct{ Alg, Typ, Kid string }
	var receipt map[string]any
	if json.Unmarshal(jwks, &set) != nil || len(part) != 3 || json.Unmarshal(decode(part[0]), &header) != nil {
		fail("this is no receipt, or no key set")
	}
	if header.Alg != "EdDSA" || header.Typ != "countersign-receipt+jwt" {
		fail("this is another token")
	}
	for _, k := range set.Keys {
		x := decode(k.X)
		if k.Kid != header.Kid || k.Kty != "OKP" || k.Crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			continue
		}
		isSigned := ed25519.Verify(x, []byte(part[0]+"."+part[1]), decode(part[2]))
		if !isSigned || json.Unmarshal(decode(part[1]), &receipt) != nil || receipt["action_digest"] != os.Args[3] {
			fail("the signature does not hold, or it is for another action")
		}
		fmt.Println(string(decode(part[1])))
		return
	}
	fail("no key of the set signed it")
}

func decode(text string) []byte { b, _ := base64.RawURLEncoding.Strict().DecodeString(text); return b }
func fail(why string)           { fmt.Fprintln(os.Stderr, why); os.Exit(1) }
