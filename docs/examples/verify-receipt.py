"""Verifies a receipt without the deployment: python3 verify-receipt.py jwks.json receipt.jwt sha256:ACTION_DIGEST

Needs the package `cryptography`.
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def verify(jwks, token, action_digest):
    head, body, signature = token.strip().split(".")
    header = json.loads(decode(head))
    if header.get("alg") != "EdDSA" or header.get("typ") != "countersign-receipt+jwt":
        raise ValueError("this is another token")
    named = [key for key in jwks["keys"] if (key["kty"], key["crv"], key["kid"]) == ("OKP", "Ed25519", header["kid"])]
    if not named:
        raise ValueError("no key of the set signed it")
    Ed25519PublicKey.from_public_bytes(decode(named[0]["x"])).verify(decode(signature), f"{head}.{body}".encode())
    receipt = json.loads(decode(body))
    if receipt["action_digest"] != action_digest:
        raise ValueError("it is for another action")
    return receipt


try:
    with open(sys.argv[1]) as keys, open(sys.argv[2]) as token:
        print(json.dumps(verify(json.load(keys), token.read(), sys.argv[3])))
except (InvalidSignature, ValueError, KeyError) as error:
    sys.exit(f"not verified: {error or 'the signature does not hold'}")
