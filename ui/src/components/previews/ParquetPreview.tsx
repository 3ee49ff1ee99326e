import { useQuery } from "@tanstack/react-query";
import { decompress } from "fzstd";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { fileUrl, sourceKey, type Source } from "../../api/artifacts";
import { ErrorBox, Skeleton } from "../Notices";
import { Grid } from "./TablePreview";

const ROWS = 500;
/** Beside Snappy, which the reader knows: nothing here may be WebAssembly, the page's policy forbids it. */
const compressors = { ZSTD: (packed: Uint8Array) => decompress(packed) };

/** The first rows of a Parquet file; only the parts of it that hold them are fetched. */
export function ParquetPreview({ source, path }: { source: Source; path: string }) {
  const found = useQuery({
    queryKey: ["artifacts", sourceKey(source), path, "parquet"],
    queryFn: ({ signal }) => read(fileUrl(source, path), signal),
  });
  if (found.isPending) return <div className="body"><Skeleton /></div>;
  if (found.isError) return <div className="body"><ErrorBox error={found.error} /></div>;
  return <Grid columns={found.data.columns} rows={found.data.rows} total={found.data.total} />;
}

async function read(url: string, signal: AbortSignal) {
  const part = async (start: number, end?: number) => {
    const range = end === undefined ? `bytes=${start}-` : `bytes=${start}-${end - 1}`;
    const response = await fetch(url, { signal, headers: { Range: range } });
    if (!response.ok) throw new Error(`The file cannot be read: status ${response.status}.`);
    return response;
  };
  const first = await part(0, 4);
  const size = Number(first.headers.get("Content-Range")?.split("/")[1]);
  if (!size) throw new Error("The server does not say how large the file is.");
  const file = { byteLength: size, slice: async (start: number, end?: number) => (await part(start, end ?? size)).arrayBuffer() };
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata).children.map((child) => child.element.name);
  const total = Number(metadata.num_rows);
  const objects = await parquetReadObjects({ file, metadata, compressors, rowEnd: Math.min(ROWS, total) });
  return { columns, total, rows: objects.map((row) => columns.map((name) => cell(row[name]))) };
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object") return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one));
  return String(value);
}
