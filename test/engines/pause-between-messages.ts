/*
 * Loaded before a reader (`--import`): pauses the process as `kill -STOP` does, once, between two messages of a
 * fetched batch. That is after it has printed COUNTERFOIL_TEST_PAUSE_AFTER: kafkajs then reads the clock to see
 * whether a heartbeat is due, and still holds that time when the process continues.
 */
const line = process.env.COUNTERFOIL_TEST_PAUSE_AFTER;
const [print, readClock] = [console.log, Date.now];
let isDue = false;

console.log = (...values) => {
  print(...values);
  isDue = values[0] === line;
};
Date.now = () => {
  const now = readClock();
  if (isDue) {
    isDue = false;
    process.kill(process.pid, "SIGSTOP");
  }
  return now;
};
