import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ApiError } from "../../api/client";
import { fileUrl } from "../../api/artifacts";
import type { Run } from "../../api/schema";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";

const FILE = "console/output.log";
/** The recorder uploads about this often. */
const EVERY_MS = 5000;

/** What the run's process printed; while it goes on, the end is followed. */
export function ConsoleTab({ run }: { run: Run }) {
  const going = run.info.status === "RUNNING";
  const end = useRef<HTMLPreElement>(null);
  const found = useQuery({
    queryKey: ["artifacts", "console", run.info.run_id],
    refetchInterval: going ? EVERY_MS : false,
    queryFn: async ({ signal }) => {
      const response = await fetch(fileUrl({ run: run.info.run_id }, FILE), { signal });
      if (response.status === 404) return null;
      if (!response.ok) throw new ApiError(`The console cannot be read: status ${response.status}.`, response.status, "");
      return response.text();
    },
  });
  useEffect(() => {
    if (going && end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [found.data, going]);
  if (found.isPending) return <Skeleton />;
  if (found.isError) return <ErrorBox error={found.error} retry={() => void found.refetch()} />;
  if (found.data === null) {
    return (
      <Empty title="Nothing was recorded">
        <p className="muted">What a training prints is kept where it is asked for:</p>
        <pre>{"with tidemill.start_run(log_console=True):\n    train()"}</pre>
        <p className="muted">or for every run, with TIDEMILL_CONSOLE=1 in its environment.</p>
      </Empty>
    );
  }
  return <pre ref={end} className="console" tabIndex={0} aria-label="Console">{found.data}</pre>;
}
