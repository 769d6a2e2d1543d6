// Losses by stage and cause, each with what it means.
import { useFields } from "../api/queries";
import type { LossAnswer } from "../api/types";
import { lossAmount } from "./loss";
import css from "./status.module.css";

export function LossTable({ loss }: { loss: LossAnswer }) {
  const words = useFields().data?.losses ?? [];
  return (
    <table className={css.lossTable}>
      <thead>
        <tr>
          <th>Stage</th>
          <th>Cause</th>
          <th className={css.number}>Lost</th>
          <th>Meaning</th>
        </tr>
      </thead>
      <tbody>
        {loss.causes.map(({ stage, cause, count: amount, unit }) => (
          <tr key={`${stage} ${cause}`}>
            <td>{stage}</td>
            <td>{cause}</td>
            <td className={css.number}>{lossAmount(amount, unit)}</td>
            <td>{words.find((word) => word.stage === stage && word.cause === cause)?.doc ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
