// Health check of docker-compose.yml: exit code 0 when every address in the arguments answers 2xx.

const timeoutMs = 3_000

const answers = await Promise.all(
  process.argv.slice(2).map((url) =>
    fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).then(
      ({ ok }) => ok,
      () => false,
    ),
  ),
)
process.exit(answers.length > 0 && answers.every(Boolean) ? 0 : 1)
