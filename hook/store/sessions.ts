import type { Statements } from "./statements.ts";

/** Somebody who has signed in to the dashboard. What the browser holds is not kept: only its hash. */
export interface Session {
  /** Signed in with a token of the config, or by a proxy that vouches for the user. */
  kind: "token" | "proxy";
  /** The token's name, or the user's. */
  name: string;
  /** Of the token: another one under the same name is not the one that signed in. Empty for a proxy's user. */
  fingerprint: string;
  expiresAtMs: number;
}

const columns = "kind, name, fingerprint, expires_at AS expiresAtMs";

/** Also forgets those that are over: nobody else does. */
export function addSession({ run }: Statements, idHash: string, session: Session, nowMs: number): void {
  run("DELETE FROM session WHERE expires_at <= :nowMs", { nowMs });
  run(
    `INSERT INTO session (id_hash, kind, name, fingerprint, expires_at)
     VALUES (:idHash, :kind, :name, :fingerprint, :expiresAtMs)`,
    { idHash, ...session },
  );
}

export function findSession({ one }: Statements, idHash: string, nowMs: number): Session | undefined {
  return one<Session>(`SELECT ${columns} FROM session WHERE id_hash = :idHash AND expires_at > :nowMs`, {
    idHash,
    nowMs,
  });
}

export function removeSession({ run }: Statements, idHash: string): void {
  run("DELETE FROM session WHERE id_hash = :idHash", { idHash });
}
