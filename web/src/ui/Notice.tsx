// Where short notices appear.
import { useEffect, useState } from "react";
import { useNotice } from "./notice";
import css from "./notice.module.css";

export function Notice() {
  const { text, tone, serial } = useNotice();
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (serial === 0) return;
    setShown(serial);
    const timer = setTimeout(() => setShown(0), tone === "bad" ? 8000 : 2500);
    return () => clearTimeout(timer);
  }, [serial, tone]);
  return (
    <div className={css.place} role="status">
      {shown > 0 ? (
        <div className={css.notice} data-tone={tone}>
          {text}
        </div>
      ) : null}
    </div>
  );
}
