// The course of a group in time, as a small line.

export function Sparkline({ points }: { points: number[] | undefined }) {
  if (!points || points.length < 2) return null;
  const most = Math.max(1, ...points);
  const step = WIDTH / (points.length - 1);
  const line = points.map(
    (value, at) => `${(at * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`,
  );
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={`from ${points[0]} to ${points.at(-1)} calls a step, at most ${most}`}
    >
      <polyline points={line.join(" ")} fill="none" stroke="var(--accent)" strokeWidth="1.2" />
    </svg>
  );
}

const WIDTH = 96;
const HEIGHT = 20;
