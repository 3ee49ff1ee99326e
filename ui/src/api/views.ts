import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { sayError } from "../state/toasts";
import { call } from "./client";

/** The saved views of an experiment. */
export function useViews(experiment: string) {
  return useQuery({
    queryKey: ["views", experiment],
    queryFn: ({ signal }) => call("views.list_all", { experiment_id: experiment }, signal),
  });
}

export function useViewChange(experiment: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSuccess: () => client.invalidateQueries({ queryKey: ["views", experiment] }),
    onError: sayError,
  });
}
