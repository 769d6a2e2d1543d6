// Buttons, with or without words.
import { Tooltip } from "@base-ui/react/tooltip";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import css from "./ui.module.css";

type Look = "plain" | "quiet" | "main" | "danger";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = "plain", className = "", ...rest }: ButtonProps) {
  return <button type="button" data-look={look} className={`${css.button} ${className}`} {...rest} />;
}

interface IconButtonProps extends ButtonProps {
  /** What the button does, in words: its name for those who hear the page, and the tip for those who point at it. */
  label: string;
  /** The key that does the same. */
  hint?: string;
  isSmall?: boolean;
  children: ReactNode;
}

export function IconButton({
  label,
  hint,
  isSmall,
  look = "quiet",
  className = "",
  children,
  ...rest
}: IconButtonProps) {
  const classes = `${css.button} ${css.icon} ${isSmall ? css.small : ""} ${className}`;
  return (
    <Tooltip.Root>
      <Tooltip.Trigger
        render={<button type="button" data-look={look} aria-label={label} className={classes} {...rest} />}
      >
        {children}
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} className={css.positioner}>
          <Tooltip.Popup className={css.tooltip}>
            {label}
            {hint ? (
              <>
                {" "}
                <kbd className={css.kbd}>{hint}</kbd>
              </>
            ) : null}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

/** A key of the keyboard. */
export const Kbd = ({ children }: { children: ReactNode }) => <kbd className={css.kbd}>{children}</kbd>;
