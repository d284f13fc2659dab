import { useQuery } from "@tanstack/react-query";
import { sessions } from "./transport";

export function useSession() {
  return useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => sessions.getSession({}, { signal }),
    staleTime: 60_000,
  });
}
