import { QueryCache, QueryClient } from "@tanstack/react-query";
import { isKind } from "./errors";

/** Sends the browser to the login page, and back here after it. */
function toLogin() {
  const here = window.location.pathname + window.location.search;
  if (window.location.pathname === "/login") return;
  const query = here === "/" ? "" : `?next=${encodeURIComponent(here)}`;
  window.location.replace(`/login${query}`);
}

export const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (isKind(error, "ended")) toLogin();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      // Only what passes by itself is asked again.
      retry: (count, error) => count < 2 && isKind(error, "unavailable"),
    },
  },
});
