// Capture on and off, where, by which expression, and whose traffic.
import { X } from "lucide-react";
import { useState } from "react";
import { sentence } from "../api/client";
import type { Target } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Switch } from "../ui/Controls";
import ui from "../ui/ui.module.css";
import { useCapture, useChoices, useMayControl } from "./queries";
import css from "./settings.module.css";

export function CaptureSection() {
  const { data, error, change, isChanging, changeError } = useCapture();
  const choices = useChoices().data;
  const isFixed = !useMayControl() || isChanging;
  if (error) return <p className={css.warn}>{sentence(error)}</p>;
  if (!data) return null;
  const names = [...new Set([...(choices?.interfaces.map((one) => one.name) ?? []), ...data.interfaces])];
  const toggle = (name: string) =>
    change({
      interfaces: data.interfaces.includes(name)
        ? data.interfaces.filter((one) => one !== name)
        : [...data.interfaces, name],
    });
  return (
    <section className={css.section}>
      <h2>Capture</h2>
      <div className={css.protocol}>
        <Switch label="Capture" checked={data.on} disabled={isFixed} onChange={(on) => change({ on })} />
        <span>{data.on ? "Packets are captured" : "Off: what passes now is not seen, and is counted as lost"}</span>
      </div>
      <h3>Interfaces</h3>
      <div className={css.choices}>
        <label>
          <input
            type="checkbox"
            checked={data.interfaces.length === 0}
            disabled={isFixed}
            onChange={() => change({ interfaces: data.interfaces.length === 0 ? names.slice(0, 1) : [] })}
          />
          all
        </label>
        {names.map((name) => {
          const known = choices?.interfaces.find((one) => one.name === name);
          return (
            <label key={name} title={known?.addresses.join(", ")}>
              <input
                type="checkbox"
                checked={data.interfaces.includes(name)}
                disabled={isFixed}
                onChange={() => toggle(name)}
              />
              {name}
              {known && !known.is_up ? <small> down</small> : null}
            </label>
          );
        })}
      </div>
      <h3>Only packets that match (tcpdump’s syntax)</h3>
      <Bpf key={data.bpf} value={data.bpf} isFixed={isFixed} onApply={(bpf) => change({ bpf })} />
      {changeError ? (
        <p className={css.warn} role="alert">
          {sentence(changeError)}
        </p>
      ) : null}
      <h3>Whose traffic</h3>
      <Targets targets={data.targets} isFixed={isFixed} onChange={(targets) => change({ targets })} />
    </section>
  );
}

function Bpf({ value, isFixed, onApply }: { value: string; isFixed: boolean; onApply: (bpf: string) => void }) {
  const [draft, setDraft] = useState(value);
  return (
    <form
      className={css.line}
      onSubmit={(event) => {
        event.preventDefault();
        onApply(draft.trim());
      }}
    >
      <input
        className={`${ui.field} mono`}
        aria-label="Capture expression"
        placeholder="everything, or: tcp port 80 and host 10.0.0.7"
        value={draft}
        disabled={isFixed}
        onChange={(event) => setDraft(event.target.value)}
      />
      <Button type="submit" disabled={isFixed || draft.trim() === value}>
        Apply
      </Button>
    </form>
  );
}

interface TargetsProps {
  targets: Target[];
  isFixed: boolean;
  onChange: (targets: Target[]) => void;
}

function Targets({ targets, isFixed, onChange }: TargetsProps) {
  const choices = useChoices().data;
  const [kind, setKind] = useState<Target["kind"]>("process");
  const [value, setValue] = useState("");
  const offered = {
    process: [...new Set(choices?.processes.map((one) => one.name) ?? [])],
    container: choices?.containers.map((one) => one.id) ?? [],
    port: choices?.ports.map((one) => String(one.port)) ?? [],
  }[kind];
  return (
    <>
      {targets.length === 0 ? <p className={css.faint}>Everybody’s.</p> : null}
      <div className={css.choices}>
        {targets.map((target) => (
          <span key={`${target.kind} ${target.value}`} className={css.target}>
            {target.kind} <strong>{target.value}</strong>
            <IconButton
              label={`Remove ${target.kind} ${target.value}`}
              isSmall
              disabled={isFixed}
              onClick={() => onChange(targets.filter((one) => one !== target))}
            >
              <X size={12} />
            </IconButton>
          </span>
        ))}
      </div>
      <form
        className={css.line}
        onSubmit={(event) => {
          event.preventDefault();
          if (value.trim() === "") return;
          onChange([...targets, { kind, value: value.trim() }]);
          setValue("");
        }}
      >
        <select
          className={ui.field}
          aria-label="Kind of target"
          value={kind}
          disabled={isFixed}
          onChange={(event) => setKind(event.target.value as Target["kind"])}
        >
          <option value="process">process</option>
          <option value="container">container</option>
          <option value="port">port</option>
        </select>
        <input
          className={ui.field}
          aria-label="Target"
          list="targets"
          value={value}
          disabled={isFixed}
          onChange={(event) => setValue(event.target.value)}
        />
        <datalist id="targets">
          {offered.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <Button type="submit" disabled={isFixed || value.trim() === ""}>
          Add
        </Button>
      </form>
    </>
  );
}
