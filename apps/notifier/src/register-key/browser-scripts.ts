/**
 * What pages run in the browser: nothing but the call that only a script can make. Options and answers are JSON, in the
 * form that carries them; the scripts load and send nothing.
 */
const answering = (call: string) => `'use strict'
const form = document.getElementById('key-form')
form.addEventListener('submit', async (event) => {
  if (event.submitter === null || event.submitter.dataset.key === undefined || form.elements.answer.value !== '') return
  event.preventDefault()
  try {
    const options = JSON.parse(form.dataset.options)
    const answer = await ${call}
    form.elements.answer.value = JSON.stringify(answer.toJSON())
    form.requestSubmit(event.submitter)
  } catch {
    document.getElementById('key-problem').textContent = 'The key did not answer. Try again, or use another browser.'
  }
})
`

export const registerScript = answering(
  'navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })',
)

export const signScript = answering(
  'navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })',
)
