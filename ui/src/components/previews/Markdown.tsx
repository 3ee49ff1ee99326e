import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";
import "../artifacts.css";

/** A Markdown text. HTML in it stays text, and pictures of other sites are not fetched (the page's policy forbids it). */
export function Markdown({ text }: { text: string }) {
  return (
    <div className="preview-markdown">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        components={{ a: ({ node: _, ...rest }) => <a {...rest} target="_blank" rel="noreferrer noopener" /> }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
