import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const DEFAULT_PARENT = join(import.meta.dirname, "..", "..", ".cache", "demo");

/** Where a run of the demo keeps what must survive it: the broker's data, the checkpoint, the counts. */
export class Home implements Disposable {
  readonly #folder: string;
  readonly #isTemporary: boolean;

  private constructor(folder: string, isTemporary: boolean) {
    this.#folder = folder;
    this.#isTemporary = isTemporary;
  }

  /** Gone with the run. */
  static temporary(): Home {
    return new Home(mkdtempSync(join(tmpdir(), "millrace-demo-")), true);
  }

  /** The same in every run against the same brokers; without any, of the broker that the demo starts. */
  static lasting(brokers: string | undefined, parent = DEFAULT_PARENT): Home {
    const name = brokers === undefined ? "local" : brokers.replaceAll(/[^\w.-]+/g, "-");
    const folder = join(parent, name);
    mkdirSync(folder, { recursive: true });
    return new Home(folder, false);
  }

  /** For the broker of the demo; undefined: it keeps nothing. */
  get kafka(): string | undefined {
    return this.#isTemporary ? undefined : join(this.#folder, "kafka");
  }

  get database(): string {
    return join(this.#folder, "page-views.sqlite");
  }

  get checkpoint(): string {
    return join(this.#folder, "checkpoint");
  }

  /** That the run before has used. */
  get topic(): string | undefined {
    const file = join(this.#folder, "topic");
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  /** For a topic that is new, counting begins at zero. */
  beginWith(topic: string): void {
    for (const path of [this.database, `${this.database}-wal`, `${this.database}-shm`, this.checkpoint]) {
      rmSync(path, { recursive: true, force: true });
    }
    writeFileSync(join(this.#folder, "topic"), topic);
  }

  /** Everything that was kept. */
  forget(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
  }

  [Symbol.dispose](): void {
    if (this.#isTemporary) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The counts as they stand in the database. */
export function readCounts(database: string): Map<string, number> {
  if (!existsSync(database)) return new Map();
  const connection = new DatabaseSync(database, { readOnly: true, timeout: 1_000 });
  try {
    const isThere = connection.prepare("select 1 from sqlite_schema where name = 'views_per_country'").get();
    const rows = isThere ? connection.prepare("select country, views from views_per_country").all() : [];
    return new Map(rows.map(({ country, views }) => [String(country), Number(views)]));
  } finally {
    connection.close();
  }
}
