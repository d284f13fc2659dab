import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Change } from "../gen/tenantry/tenant/v1/tenant_pb";
import { isKind } from "./errors";
import { tenants } from "./transport";

/** Between two attempts, and between a change and the reading of it: many changes come together. */
const PAUSE_MS = 1500;

/** Keeps what is shown true: a change of a tenant makes the lists be read again. */
export function useLiveTenants() {
  const queries = useQueryClient();
  useEffect(() => {
    const leave = new AbortController();
    let pending: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      pending ??= setTimeout(() => {
        pending = undefined;
        void queries.invalidateQueries({ queryKey: ["tenants"] });
        void queries.invalidateQueries({ queryKey: ["quotas"] });
      }, PAUSE_MS);
    };
    void follow(leave.signal, changed);
    return () => {
      leave.abort();
      clearTimeout(pending);
    };
  }, [queries]);
}

async function follow(signal: AbortSignal, changed: () => void) {
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const opened = Date.now();
      for await (const { change } of tenants.watchTenants({}, { signal, timeoutMs: 0 })) {
        // The first answers say what is known already.
        const isKnown = isFirst && change === Change.ADDED && Date.now() - opened < PAUSE_MS;
        if (!isKnown) changed();
      }
      isFirst = false;
    } catch (error) {
      // Who may not watch sees what is there when the page is opened.
      if (signal.aborted || isKind(error, "forbidden") || isKind(error, "ended")) return;
      isFirst = false;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
