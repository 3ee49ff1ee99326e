// The files of a run or a logged model: a tree, and beside it the file that is chosen.
import { Suspense, lazy, useState } from "react";
import { baseName, fileUrl, previewOf, useFolder, type Source } from "../api/artifacts";
import type { FileInfo } from "../api/schema";
import { bytes } from "../state/format";
import { Copy } from "./Copy";
import { Icon } from "./Icon";
import { Empty, ErrorBox, Skeleton } from "./Notices";
import "./artifacts.css";

const FilePreview = lazy(async () => ({ default: (await import("./previews/FilePreview")).FilePreview }));

interface Props {
  source: Source;
  /** The chosen file, "" for none. */
  path: string;
  choose: (path: string) => void;
}

export function ArtifactBrowser({ source, path, choose }: Props) {
  const top = useFolder(source, "");
  if (top.isPending) return <Skeleton />;
  if (top.isError) return <ErrorBox error={top.error} retry={() => void top.refetch()} />;
  if (top.data.length === 0) {
    return (
      <Empty title="No files yet">
        <p className="muted">A run keeps what a training makes: pictures, tables, models, logs.</p>
        <pre>{'tidemill.log_artifact("plot.png")\ntidemill.log_figure(figure, "confusion.png")\ntidemill.log_table(frame, "errors.json")'}</pre>
      </Empty>
    );
  }
  const chosen = path || firstFile(top.data);
  return (
    <div className="artifacts">
      <nav className="card tree" aria-label="Files">
        <Folder source={source} folder="" chosen={chosen} choose={choose} />
      </nav>
      <section className="card file" aria-label={chosen || "No file chosen"}>
        {chosen ? (
          <Suspense fallback={<div className="body"><Skeleton /></div>}>
            <File source={source} path={chosen} />
          </Suspense>
        ) : (
          <p className="muted body">Choose a file to look at it.</p>
        )}
      </section>
    </div>
  );
}

function firstFile(files: FileInfo[]): string {
  return files.find((one) => !one.is_dir)?.path ?? "";
}

function File({ source, path }: { source: Source; path: string }) {
  const url = fileUrl(source, path);
  return (
    <>
      <header>
        <strong className="cut grow mono" title={path}>
          {path}
        </strong>
        <Copy text={path} name="Copy the path" />
        <a className="button plain" href={url} download={baseName(path)} title="Download" aria-label={`Download ${path}`}>
          <Icon name="download" />
        </a>
      </header>
      <FilePreview key={path} source={source} path={path} kind={previewOf(path)} />
    </>
  );
}

interface FolderProps {
  source: Source;
  folder: string;
  chosen: string;
  choose: (path: string) => void;
}

function Folder({ source, folder, chosen, choose }: FolderProps) {
  const found = useFolder(source, folder);
  if (found.isPending) return <Skeleton lines={2} />;
  if (found.isError) return <ErrorBox error={found.error} />;
  return (
    <ul>
      {found.data.map((one) => (
        <li key={one.path}>
          {one.is_dir ? (
            <SubFolder source={source} folder={one.path} chosen={chosen} choose={choose} />
          ) : (
            <button type="button" className="leaf" aria-current={one.path === chosen} onClick={() => choose(one.path)}>
              <Icon name="file" />
              <span className="cut grow">{baseName(one.path)}</span>
              <span className="muted">{one.file_size === undefined ? "" : bytes(one.file_size)}</span>
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function SubFolder({ source, folder, chosen, choose }: FolderProps) {
  const [open, setOpen] = useState(chosen.startsWith(`${folder}/`));
  return (
    <>
      <button type="button" className="leaf" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? "down" : "right"} />
        <Icon name="folder" />
        <span className="cut grow">{baseName(folder)}</span>
      </button>
      {open && <Folder source={source} folder={folder} chosen={chosen} choose={choose} />}
    </>
  );
}
