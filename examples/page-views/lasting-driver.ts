import type { StreamingListener } from "millrace";
import { type DriverConfig, type DriverProcess, startDriver } from "./driver-process.ts";

/** A driver that can be killed and started again, as a supervisor would do it. */
export class LastingDriver implements Disposable {
  readonly #config: DriverConfig;
  readonly #listeners: readonly StreamingListener[];
  readonly #failed = Promise.withResolvers<never>();
  readonly #killed = new WeakSet<DriverProcess>();
  #process: DriverProcess;

  constructor(config: DriverConfig, listeners: readonly StreamingListener[]) {
    this.#config = config;
    this.#listeners = listeners;
    this.#failed.promise.catch(() => {}); // told by whoever awaits it
    this.#process = this.#start();
  }

  /** Rejects when a driver that nobody has killed has failed. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  async killAndStartAgain(): Promise<void> {
    this.#killed.add(this.#process);
    await this.#process.kill();
    this.#process = this.#start();
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  [Symbol.dispose](): void {
    this.#process[Symbol.dispose]();
  }

  #start(): DriverProcess {
    const driver = startDriver(this.#config, this.#listeners);
    driver.ended.catch((error) => {
      if (!this.#killed.has(driver)) this.#failed.reject(error);
    });
    return driver;
  }
}
