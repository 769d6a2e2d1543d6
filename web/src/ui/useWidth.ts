// The width of an element, followed.
import { type RefObject, useLayoutEffect, useState } from "react";

/** The inner width in pixels; 0 before the element is laid out. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const own = element.current;
    if (!own) return;
    const observer = new ResizeObserver(() => setWidth(own.clientWidth));
    observer.observe(own);
    setWidth(own.clientWidth);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
