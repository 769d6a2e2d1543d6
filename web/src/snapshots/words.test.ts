import { expect, test } from "vitest";
import { packetsOf } from "./words";

test("packets are counted, and their absence is said", () => {
  expect(packetsOf({ has_packets: false, packets: 0, packet_bytes: 0 })).toBe("without packets");
  expect(packetsOf({ has_packets: true, packets: 1234, packet_bytes: 3 << 20 })).toBe("1,234 packets (3 MiB)");
  expect(packetsOf({ has_packets: true, packets: 0, packet_bytes: 0 })).toBe("no packets counted");
});
