// An adapter for `countersign self-test --url URL --adapter FILE`: the gate of another product, as the guarantees see it.
// This one is for a gate with three calls; what a product does not have it rejects, and what needs that is INCOMPLETE.

/** How a call was answered: `accepted` with a value, or a code of Countersign's catalogue. */
const outcome = async (response, valueOf) => {
  const text = await response.text()
  const body = text === '' ? {} : JSON.parse(text)
  return response.ok
    ? { accepted: true, value: valueOf(body), text }
    : { accepted: false, code: codes[body.error] ?? body.error ?? 'unknown', text }
}

/** What the product calls its refusals, in Countersign's codes. */
const codes = { own_request: 'self_approval', twice: 'already_redeemed' }

const missing = (what) => () => Promise.reject(new Error(`this gate has no way to ${what}`))

export default ({ url }) => {
  const post = (path, as, body) =>
    fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(as === undefined ? {} : { authorization: `Bearer ${as}` }) },
      body: JSON.stringify(body),
    })
  const get = (path, as) =>
    fetch(new URL(path, url), { headers: as === undefined ? {} : { authorization: `Bearer ${as}` } })
  return {
    publish: async (as, ask) => outcome(await post('requests', as, ask), ({ id }) => ({ intentId: id })),
    readIntent: async (as, id) =>
      outcome(await get(`requests/${id}`, as), ({ status }) => ({ state: status, reviewId: id })),
    readReview: async (as, id) => outcome(await get(`requests/${id}`, as), ({ etag }) => ({ shown: etag })),
    decide: async (as, id, { verdict, reason }) =>
      outcome(await post(`requests/${id}/${verdict}`, as, { reason }), ({ status }) => ({ state: status })),
    collect: missing('collect a grant'),
    redeem: missing('redeem a grant'),
    report: missing('report a run'),
    revoke: missing('revoke a grant'),
    withdraw: missing('withdraw a request'),
    freeze: missing('freeze'),
    unfreeze: missing('unfreeze'),
    readRecords: missing('read records'),
    prove: missing('prove a record'),
  }
}
