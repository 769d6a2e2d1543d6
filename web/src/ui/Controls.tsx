// Controls of one value: switches and choices of a few.
import { Switch as BaseSwitch } from "@base-ui/react/switch";
import type { ReactNode } from "react";
import css from "./ui.module.css";

interface SwitchProps {
  label: string;
  checked: boolean;
  onChange: (isOn: boolean) => void;
  disabled?: boolean;
}

export function Switch({ label, checked, onChange, disabled }: SwitchProps) {
  return (
    <BaseSwitch.Root
      className={css.switch}
      aria-label={label}
      checked={checked}
      disabled={disabled}
      onCheckedChange={onChange}
    >
      <BaseSwitch.Thumb className={css.thumb} />
    </BaseSwitch.Root>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string; title?: string }[];
  onChange: (value: T) => void;
}

/** One choice of a few that exclude each other. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <div className={css.segments} role="radiogroup" aria-label={label}>
      {options.map((option) => (
        // biome-ignore lint/a11y/useSemanticElements: a native radio can't hold its own label as a button does.
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          title={option.title}
          className={css.segment}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** A strip that says something about the whole page. */
export function Banner({ tone = "warn", children }: { tone?: "warn" | "bad" | "calm"; children: ReactNode }) {
  return (
    <div className={css.banner} data-tone={tone} role="status">
      {children}
    </div>
  );
}

/** A thin line that moves while something is under way. */
export const Progress = ({ label }: { label: string }) => (
  <div className={css.progress} role="progressbar" aria-label={label} />
);
