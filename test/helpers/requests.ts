import { subscribe, unsubscribe } from "node:diagnostics_channel";

export const FETCH = 1;
export const LIST_OFFSETS = 2;
export const METADATA = 3;
export const OFFSET_FOR_LEADER_EPOCH = 23;

/** How many requests of this key are sent to brokers while `work` runs. */
export async function countRequests(key: number, work: () => Promise<unknown>): Promise<number> {
  let requests = 0;
  const count = (message: unknown) => {
    if ((message as { key: number }).key === key) requests++;
  };
  const channel = "millrace:kafka:request";
  subscribe(channel, count);
  try {
    await work();
  } finally {
    unsubscribe(channel, count);
  }
  return requests;
}
