import { fileURLToPath } from "node:url";

/** This package's code, which a user does not want to see: .../src/ or .../dist/. */
const ROOT = new URL("..", import.meta.url).href;

/** Of a loader that shows paths in stacks, as tsx does, where Node shows URLs. */
const ROOT_PATH = fileURLToPath(ROOT);

/** Whether a line of a stack is in this package. */
export const isOwnFrame = (line: string): boolean => line.includes(ROOT) || line.includes(ROOT_PATH);
