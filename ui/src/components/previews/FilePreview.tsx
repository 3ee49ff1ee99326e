// One file as people look at it. Nothing in a file ever runs in our origin: HTML is framed in a sandbox of its own,
// SVG is an image, everything else is drawn by us from its bytes.
import { Suspense, lazy, useEffect, useState } from "react";
import { TEXT_LIMIT, baseName, fileUrl, useBytes, type Preview, type Source } from "../../api/artifacts";
import { bytes } from "../../state/format";
import { ErrorBox, Skeleton } from "../Notices";
import { JsonPreview } from "./JsonPreview";
import { CsvPreview } from "./TablePreview";

const Markdown = lazy(async () => ({ default: (await import("./Markdown")).Markdown }));
const ParquetPreview = lazy(async () => ({ default: (await import("./ParquetPreview")).ParquetPreview }));

interface Props {
  source: Source;
  path: string;
}

export function FilePreview({ source, path, kind }: Props & { kind: Preview }) {
  const url = fileUrl(source, path);
  const name = baseName(path);
  switch (kind) {
    case "image":
      return (
        <div className="preview-image">
          <img src={url} alt={name} />
        </div>
      );
    case "audio":
      return <div className="body"><audio className="preview-media" controls src={url} aria-label={name} /></div>;
    case "video":
      return <div className="body"><video className="preview-media" controls src={url} aria-label={name} /></div>;
    case "page":
      return <PagePreview source={source} path={path} />;
    case "pdf":
      return <PdfPreview source={source} path={path} />;
    case "parquet":
      return <Suspense fallback={<div className="body"><Skeleton /></div>}><ParquetPreview source={source} path={path} /></Suspense>;
    case "none":
      return (
        <p className="body muted">
          There is no preview of this kind of file. <a href={url} download={name}>Download {name}</a>
        </p>
      );
    default:
      return <TextBased source={source} path={path} kind={kind} />;
  }
}

function TextBased({ source, path, kind }: Props & { kind: "text" | "json" | "table" | "markdown" }) {
  const found = useBytes(source, path, TEXT_LIMIT);
  if (found.isPending) return <div className="body"><Skeleton /></div>;
  if (found.isError) return <div className="body"><ErrorBox error={found.error} retry={() => void found.refetch()} /></div>;
  const text = new TextDecoder().decode(found.data);
  const cut = found.data.byteLength >= TEXT_LIMIT;
  const note = cut && <div className="preview-note">Only the first {bytes(TEXT_LIMIT)} are shown.</div>;
  if (!text) return <p className="body muted">The file is empty.</p>;
  if (kind === "json" && !cut) return <JsonPreview text={text} />;
  if (kind === "table") return <>{note}<CsvPreview text={text} separator={path.endsWith(".tsv") ? "\t" : ","} cut={cut} /></>;
  if (kind === "markdown") {
    return <>{note}<Suspense fallback={<div className="body"><Skeleton /></div>}><Markdown text={text} /></Suspense></>;
  }
  return <>{note}<pre className="preview-text" tabIndex={0}>{text}</pre></>;
}

/** An HTML file in a frame without our origin: it can show itself, but read and send nothing of ours. */
function PagePreview({ source, path }: Props) {
  const [asText, setAsText] = useState(false);
  return (
    <>
      <div className="preview-note">
        <span className="grow">Shown in a sandbox: it cannot read this site or reach the network.</span>
        <button type="button" className="button" aria-pressed={asText} onClick={() => setAsText(!asText)}>
          Source
        </button>
      </div>
      {asText ? (
        <TextBased source={source} path={path} kind="text" />
      ) : (
        <iframe className="preview-frame" title={baseName(path)} sandbox="allow-scripts" referrerPolicy="no-referrer" src={fileUrl(source, path, true)} />
      )}
    </>
  );
}

const PDF_LIMIT = 64_000_000;

/** The browser's own viewer on the bytes; it does not open files that a server sends as attachments. */
function PdfPreview({ source, path }: Props) {
  const found = useBytes(source, path, PDF_LIMIT);
  const [address, setAddress] = useState("");
  useEffect(() => {
    if (!found.data) return;
    const made = URL.createObjectURL(new Blob([found.data], { type: "application/pdf" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [found.data]);
  if (found.isError) return <div className="body"><ErrorBox error={found.error} /></div>;
  if (!address) return <div className="body"><Skeleton /></div>;
  return <iframe className="preview-frame" title={baseName(path)} src={address} />;
}
