/** `npm run chaos`: see docs/guarantees.md. */
import { parseOptions, usage } from "./options.ts";
import { isGreen, runChaos, type Struck } from "./run.ts";
import { table } from "./table.ts";

const options = parseOptions(process.argv.slice(2));
if (options === undefined) {
  process.stdout.write(usage);
} else {
  const trace: Struck[] = [];
  const report = await runChaos(options, (struck) => {
    trace.push(struck);
    process.stdout.write(`${line(struck, options.kills)}\n`);
  });
  const green = isGreen(report);
  if (!green) for (const struck of trace) process.stderr.write(`${JSON.stringify(struck)}\n`);
  if (!options.json) process.stdout.write(table(report));
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = green ? 0 : 1;
}

function line({ strike, outcome }: Struck, kills: number): string {
  const { number, sink, fault, point, occurrence } = strike;
  const at = occurrence === 1 ? point : `${point} (${occurrence})`;
  const end = outcome.unexpected ?? (outcome.hit ? outcome.end : `not hit; ${outcome.end}`);
  const place = `${String(number).padStart(String(kills).length)}/${kills}`;
  return `${place}  ${sink.padEnd(8)}  ${fault.padEnd(15)}  ${at.padEnd(30)}  ${end}`;
}
