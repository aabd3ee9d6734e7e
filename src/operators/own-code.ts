import type { OperatorName } from "./receiver.ts";

let copies = 0;

/**
 * Copies of what `source` makes, one for each place where the user's program has such an operator.
 *
 * At each call in a source V8 notes what was called there, and compiles both into one piece of machine code as long as that was one function
 * only. All maps of a job would share one source, and so lose that: a value passes five maps with copies of their own in a fifth of the time.
 *
 * @param source Stands alone: a copy does not see the module that `source` is written in, and so is given what it `needs` of it. A class in it
 * has no #fields, whose names V8 would look up in the copy's scope for each record, and declares its fields only, since a bundler that puts
 * them down for an older JavaScript calls a function of its own for each.
 */
export function ownCode<Needs extends unknown[], Code>(
  source: (...needs: Needs) => Code,
  ...needs: Needs
): (operator: OperatorName) => Code {
  const byOperator = new Map<OperatorName, Code>();
  return (operator) => {
    let copy = byOperator.get(operator);
    if (copy === undefined) {
      copy = copied(source, needs);
      byOperator.set(operator, copy);
    }
    return copy;
  };
}

function copied<Needs extends unknown[], Code>(source: (...needs: Needs) => Code, needs: Needs): Code {
  try {
    // V8 remembers programs by their text, so that each needs a text of its own.
    const copy = new Function(`return ${source} // ${++copies}`)() as typeof source;
    return copy(...needs);
  } catch {
    // Node can be told not to run programs that are made at run time, and a bundler that keeps names calls a function of its own for that.
    return source(...needs);
  }
}
