import { Competitor } from "./competitor.ts";
import type { Heat } from "./contest.ts";

/** Bytes that each executor adds to its driver while it works off the backlog in one batch. */
export async function measureMemory(heat: Heat): Promise<{ perExecutor: number; idleDriver: number; peak: number }> {
  const idle = await Competitor.start("engine", { ...heat, threads: 0 }, "package");
  const idleDriver = idle.rssBytes;
  await idle.end();
  const loaded = await Competitor.start("engine", heat, "package");
  await loaded.pass();
  const { peakRssBytes: peak } = await loaded.end();
  return { perExecutor: (peak - idleDriver) / heat.threads, idleDriver, peak };
}
