// The filter in force, in words, and how many entries each clause leaves.
import { sentence } from "../api/client";
import { useExplain, useScope } from "../api/queries";
import { count, share } from "../format/number";
import { Progress } from "../ui/Controls";
import css from "./filter.module.css";

export function ExplainBox() {
  const scope = useScope();
  const { data, isPending, error } = useExplain(scope, true);
  if (error) return <p className={css.explain}>{sentence(error)}</p>;
  if (isPending) {
    return (
      <div className={css.explain}>
        <Progress label="Counting" />
        <p>Counting what each clause leaves…</p>
      </div>
    );
  }
  return (
    <div className={css.explain}>
      <p>{data.text}</p>
      <table>
        <thead>
          <tr>
            <th>Clause</th>
            <th>Entries left</th>
            <th>Of all</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>all entries of this time</td>
            <td>{count(data.total)}</td>
            <td />
          </tr>
          {data.clauses.map((clause) => (
            <tr key={`${clause.start}-${clause.end}`}>
              <td title={clause.text}>{clause.words}</td>
              <td>{count(clause.left_so_far)}</td>
              <td>{share(clause.left_so_far, data.total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
