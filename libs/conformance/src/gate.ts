/** What somebody shows to say who they are: for Countersign a bearer token. Undefined: nothing. */
export type Credential = string | undefined

/** What an agent asks for. */
export type Ask = {
  readonly action: string
  readonly target: string
  readonly environment: string
  readonly parameters: Readonly<Record<string, string>>
  readonly rationale?: string
  /** Person for whom the agent says that it acts. */
  readonly onBehalfOf?: PersonName
  /** Name under which the caller speaks; the cast's agent when absent. */
  readonly agent?: string
  /** Fields that a request must not have, such as one that says it is approved already. */
  readonly smuggled?: Readonly<Record<string, unknown>>
}

export type PersonName = { readonly issuer: string; readonly subject: string }

/** What is about to run, as whoever runs it tells the gate. */
export type ConcreteAction = Pick<Ask, 'action' | 'target' | 'environment' | 'parameters'>

/**
 * How a gate answered. A refusal says why, in the codes of Countersign's catalogue; an adapter of another product maps its own.
 * `text` is the whole answer as it came, without what differs from one request to the next.
 */
export type Outcome<Value> =
  | { readonly accepted: true; readonly value: Value; readonly text: string }
  | { readonly accepted: false; readonly code: string; readonly text: string }

/** How a request stands, in Countersign's words: published, in_review, allowed, approved, denied, … */
export type Standing = { readonly state: string; readonly reviewId?: string; readonly code?: string }

export type Verdict = {
  readonly verdict: 'approve' | 'deny'
  /** What the person saw, as `readReview` told it. */
  readonly shown: string
  readonly reason: string
}

/** A permission to run one action. What it is beyond its id is the adapter's. */
export type Grant = { readonly grantId: string; readonly secret: string }

/** Something that was recorded about a request; `code` says why, when it was refused. */
export type Recorded = { readonly recordId: string; readonly event: string; readonly code?: string }

/** What came of checking, without the gate's help, that a record is in its log. */
export type Proven = {
  /** The proof holds for the entry, and the entry is the record. */
  readonly holds: boolean
  /** The same proof would hold for a forged entry. */
  readonly holdsForged: boolean
}

/**
 * An approval gate as the guarantees see it: only what it offers to everybody. An adapter resolves with what the gate answered,
 * refusals too, and rejects when there was no answer.
 */
export type Gate = {
  /** Asks for an action. The same key with the same content is the same request. */
  publish(as: Credential, ask: Ask, key?: string): Promise<Outcome<{ readonly intentId: string }>>
  /** How the request stands once policy has answered. */
  readIntent(as: Credential, intentId: string): Promise<Outcome<Standing>>
  readReview(as: Credential, reviewId: string): Promise<Outcome<{ readonly shown: string }>>
  decide(as: Credential, reviewId: string, verdict: Verdict): Promise<Outcome<{ readonly state: string }>>
  collect(as: Credential, intentId: string): Promise<Outcome<Grant>>
  redeem(
    as: Credential,
    grant: Grant,
    action: ConcreteAction,
    redemptionId: string,
  ): Promise<Outcome<{ readonly receiptId: string }>>
  /** Says that the action ran. */
  report(as: Credential, grantId: string): Promise<Outcome<unknown>>
  revoke(as: Credential, grantId: string): Promise<Outcome<unknown>>
  withdraw(as: Credential, intentId: string): Promise<Outcome<unknown>>
  /** Stops every grant in an environment. */
  freeze(as: Credential, environment: string): Promise<Outcome<{ readonly freezeId: string }>>
  unfreeze(as: Credential, freezeId: string): Promise<Outcome<unknown>>
  /** Everything that was recorded about a request. */
  readRecords(as: Credential, intentId: string): Promise<Outcome<readonly Recorded[]>>
  /** Takes the proof of a record and checks it here. */
  prove(as: Credential, recordId: string): Promise<Outcome<Proven>>
}

/** Who takes part, in a tenant that is thrown away afterwards. Who is missing leaves what needs them unproven. */
export type Cast = {
  /** Name and credential of the agent that asks and runs. */
  readonly agentName?: string
  readonly agent?: Credential
  /** The agent, with a credential that says a reviewer's request passed through it. */
  readonly delegatedAgent?: Credential
  /** Another client of the same tenant. */
  readonly anotherAgent?: Credential
  /** A client of another tenant. */
  readonly foreignAgent?: Credential
  /** Owns the agent and holds a seat. */
  readonly owner?: Credential
  /** Holds a seat; requests are made for them. */
  readonly asker?: Credential
  readonly askerName?: PersonName
  readonly reviewer?: Credential
  readonly secondReviewer?: Credential
  /** More people who hold a seat. */
  readonly crowd?: readonly Credential[]
  /** Belongs to the tenant and holds no seat. */
  readonly onlooker?: Credential
  readonly operator?: Credential
  readonly auditor?: Credential
  /** Credentials that must be nobody's, by what is wrong with them. */
  readonly forged?: Readonly<Record<string, string>>
}
