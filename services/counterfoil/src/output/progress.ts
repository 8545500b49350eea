import { Presets, SingleBar } from "cli-progress";

type Progress = Readonly<{
  update: (done: number, total: number) => void;
  stop: () => void;
}>;

/** Shows how far work has come while it is done. */
export async function withProgress<T>(
  what: string,
  work: (update: Progress["update"]) => Promise<T>,
): Promise<T> {
  const progress = createProgress(what);
  try {
    return await work(progress.update);
  } finally {
    progress.stop();
  }
}

/** A bar for a person, now and then a line for a log. On stderr, apart from a command's answer. */
function createProgress(what: string): Progress {
  return process.stderr.isTTY ? createBar(what) : createLines(what);
}

const { stderr: stream } = process;

function createBar(what: string): Progress {
  const format = `  ${what.padEnd(12)} {bar} {percentage}% │ {value} of {total} events │ {eta_formatted}`;
  const bar = new SingleBar({ format, stream, hideCursor: true }, Presets.shades_classic);
  bar.start(0, 0);
  return {
    update(done, total) {
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

const LINE_EVERY_MS = 1_000;

function createLines(what: string): Progress {
  let writtenAtMs = performance.now();
  let latest = "";
  let written = "";
  const write = () => {
    if (latest !== written) stream.write(latest);
    [written, writtenAtMs] = [latest, performance.now()];
  };
  return {
    update(done, total) {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      latest = `  ${what.padEnd(12)} ${done} of ${total} events (${percent}%)\n`;
      if (performance.now() - writtenAtMs >= LINE_EVERY_MS) write();
    },
    stop: write,
  };
}
