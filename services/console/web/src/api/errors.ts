import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";

export type Kind = "forbidden" | "missing" | "ended" | "unavailable" | "other";

/** What a failed call means to the person before the screen. */
export interface Failure {
  kind: Kind;
  message: string;
  /** Machine reason of the service; empty if it gave none. */
  reason: string;
  metadata: Record<string, string>;
}

const kinds: Partial<Record<Code, Kind>> = {
  [Code.PermissionDenied]: "forbidden",
  [Code.NotFound]: "missing",
  [Code.Unauthenticated]: "ended",
  [Code.Unavailable]: "unavailable",
  [Code.DeadlineExceeded]: "unavailable",
};

export function failure(error: unknown): Failure {
  const known = ConnectError.from(error);
  const info = known.findDetails(ErrorInfoSchema)[0];
  return {
    kind: kinds[known.code] ?? "other",
    message: known.rawMessage,
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
  };
}

export function isKind(error: unknown, kind: Kind): boolean {
  return failure(error).kind === kind;
}
