// The forms of the machine interface by short names. All of them are generated from the OpenAPI document (`npm run types`).
import type { components } from "./schema";

type Schemas = components["schemas"];

export type CaptureChange = Schemas["CaptureChange"];
export type CaptureChoices = Schemas["CaptureChoices"];
export type CaptureSettings = Schemas["CaptureSettings"];
export type EntryDetail = Schemas["EntryDetail"];
export type ErrorBody = Schemas["ErrorBody"];
export type Explanation = Schemas["Explanation"];
export type FieldInfo = Schemas["FieldInfo"];
export type FieldsAnswer = Schemas["FieldsAnswer"];
export type FollowAnswer = Schemas["FollowAnswer"];
export type FollowChunk = Schemas["FollowChunk"];
export type Half = Schemas["Half"];
export type LossAnswer = Schemas["LossAnswer"];
export type LossWord = Schemas["LossWord"];
export type MapAnswer = Schemas["MapAnswer"];
export type MapEdge = Schemas["MapEdge"];
export type MapNode = Schemas["MapNode"];
export type PacketInfo = Schemas["PacketInfo"];
export type SavedFilter = Schemas["SavedFilter"];
export type Setting = Schemas["Setting"];
export type Deletes = Schemas["Deletes"];
export type Snapshot = Schemas["Snapshot"];
export type StatRow = Schemas["StatRow"];
export type StatsAnswer = Schemas["StatsAnswer"];
export type Status = Schemas["Status"];
export type Target = Schemas["Target"];
export type TimelineAnswer = Schemas["TimelineAnswer"];
export type TimelineStep = Schemas["TimelineStep"];
