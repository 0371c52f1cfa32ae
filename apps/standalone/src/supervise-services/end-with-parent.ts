// Loaded first in every service process: whoever started it is gone without a word when this channel closes, and a service
// that nobody watches any more ends in order.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
