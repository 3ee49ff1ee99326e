import { TEXT_LIMIT, useBytes } from "../../api/artifacts";
import { signatureOf, type Field } from "../../api/signature";

/** What the model takes and gives, as its MLmodel file says; nothing where it does not say. */
export function SchemaView({ source }: { source: { model: string } }) {
  const found = useBytes(source, "MLmodel", TEXT_LIMIT);
  const schema = found.data ? signatureOf(new TextDecoder().decode(found.data)) : null;
  if (!schema) return null;
  return (
    <section className="card" aria-label="Schema">
      <header><h2>Schema</h2></header>
      <div className="body stack">
        <Part title="Takes" fields={schema.inputs} />
        <Part title="Gives" fields={schema.outputs} />
        <Part title="Params" fields={schema.params} />
      </div>
    </section>
  );
}

function Part({ title, fields }: { title: string; fields: Field[] }) {
  if (fields.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <div className="row wrap" style={{ gap: 4, marginTop: 4 }}>
        {fields.map((one) => (
          <span key={one.name} className="tag" title={one.required ? "required" : "optional"}>
            {one.name}{one.required ? "" : "?"} <span className="muted">{one.type}</span>
          </span>
        ))}
      </div>
    </div>
  );
}
