import type { JobContext } from "millrace";
import { runGraph } from "./run-graph.ts";

/** Makes an RDD in the build function and asks it for something on the driver, in this process. */
export async function runRdd<R, A>(plan: (ssc: JobContext) => R, ask: (rdd: R) => Promise<A>): Promise<A> {
  let answer: { readonly value: A } | undefined;
  await runGraph((ssc) => {
    const rdd = plan(ssc);
    ssc.onDriver(async () => {
      answer = { value: await ask(rdd) };
    });
  });
  return answer!.value;
}
