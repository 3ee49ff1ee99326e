import type { ExperimentKeys } from "../../api/schema";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { columnTitle, type RunView } from "../../state/runView";

interface Props {
  keys: ExperimentKeys | undefined;
  view: RunView;
  change: (change: Partial<RunView>) => void;
}

/** By which params and tags runs are put together. */
export function GroupMenu({ keys, view, change }: Props) {
  const tags = (keys?.tags ?? []).filter((one) => !/^mlflow\.(runName|log-model|note|source\.git)/.test(one.key));
  const parts: [string, string[]][] = [
    ["Params", (keys?.params ?? []).map((one) => `params.${one.key}`)],
    ["Tags", tags.map((one) => `tags.${one.key}`)],
  ];
  const toggle = (column: string) =>
    change({ group: view.group.includes(column) ? view.group.filter((one) => one !== column) : [...view.group, column] });
  return (
    <Menu
      align="left"
      label={
        <>
          <Icon name="group" /> {view.group.length ? `Group: ${view.group.map(columnTitle).join(", ")}` : "Group"}
        </>
      }
    >
      {view.group.length > 0 && (
        <>
          <button type="button" className="item" onClick={() => change({ group: [] })}>
            <Icon name="close" /> No groups
          </button>
          <hr />
        </>
      )}
      {parts.map(([title, columns]) => (
        <div key={title}>
          {columns.length > 0 && <div className="title">{title}</div>}
          {columns.slice(0, 200).map((column) => (
            <button key={column} type="button" className="item" aria-pressed={view.group.includes(column)} onClick={() => toggle(column)}>
              <span style={{ width: 16 }}>{view.group.includes(column) && <Icon name="check" />}</span>
              <span className="cut">{columnTitle(column)}</span>
            </button>
          ))}
        </div>
      ))}
      {!parts.some(([, columns]) => columns.length) && <p className="pane muted">Runs can be grouped by their params and tags; there are none yet.</p>}
    </Menu>
  );
}
