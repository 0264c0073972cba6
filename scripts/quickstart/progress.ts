const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** A line per step with its elapsed time; a spinner while it runs, plain lines when the output is no terminal. */
export class Progress {
  readonly #startedAt = Date.now();
  readonly #interactive = process.stdout.isTTY === true && process.env.CI === undefined;

  async step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    let note = "";
    let frame = 0;
    const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
    const draw = () => {
      frame = (frame + 1) % frames.length;
      const width = (process.stdout.columns ?? 80) - 1;
      process.stdout.write(
        `\r\x1b[2K${`${frames[frame]} ${title} ${note === "" ? "" : `· ${note} `}(${seconds()})`.slice(0, width)}`,
      );
    };
    const timer = this.#interactive ? setInterval(draw, 100) : undefined;
    const finish = (mark: string) => {
      clearInterval(timer);
      const line = `${mark} ${title}${note === "" ? "" : ` · ${note}`} (${seconds()})`;
      process.stdout.write(this.#interactive ? `\r\x1b[2K${line}\n` : `${line}\n`);
    };
    if (!this.#interactive) process.stdout.write(`- ${title} ...\n`);
    try {
      const result = await work((text) => {
        note = text;
      });
      finish("✔");
      return result;
    } catch (error) {
      finish("✘");
      throw error;
    }
  }

  get elapsedSeconds(): string {
    return ((Date.now() - this.#startedAt) / 1000).toFixed(1);
  }
}
