/** What Postgres says has a code of five signs, one of them a digit: `EPIPE` is none. */
const OF_POSTGRES = /^(?=.*\d)[0-9A-Z]{5}$/;
/** The connection is lost, or the server ends it: somebody has ended the session, the server stops or starts. */
const LOST = /^(?:08|57P)/;

export const codeOfPostgres = (error: unknown): string | undefined => {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && OF_POSTGRES.test(code) ? code : undefined;
};

/** Whether not the statement is to blame but its connection. An error without a code of Postgres comes from the connection. */
export function isOfConnection(error: unknown): boolean {
  const code = codeOfPostgres(error);
  return code === undefined || LOST.test(code);
}
