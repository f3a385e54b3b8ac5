/** What the API answers, as the schemas say that it checks its answers with. Types alone: none of it is in the script. */
import type { z } from "zod";
import type { recentSchema } from "../../routes/api/recent.ts";
import type { runningSchema } from "../../routes/api/running.ts";
import type {
  deploymentSchema,
  holdSchema,
  logLineSchema,
  serviceSchema,
  transitionSchema,
} from "../../routes/api/schemas.ts";
import type { newSecretSchema, setUpSchema, testAnswer } from "../../routes/api/set-up.ts";
import type { statisticsSchema } from "../../routes/api/statistics.ts";

export type Service = z.output<typeof serviceSchema>;
export type Deployment = z.output<typeof deploymentSchema>;
export type DeploymentDetails = Deployment & { transitions: Transition[] };
export type Transition = z.output<typeof transitionSchema>;
export type Hold = z.output<typeof holdSchema>;
export type LogLine = z.output<typeof logLineSchema>;
export type Running = z.output<typeof runningSchema>;
export type Recent = z.output<typeof recentSchema>;
export type Statistics = z.output<typeof statisticsSchema>;
export type Day = Statistics["days"][number];
export type SetUp = z.output<typeof setUpSchema>;
export type NewSecret = z.output<typeof newSecretSchema>;
export type TestResult = z.output<typeof testAnswer>;
export type State = Deployment["state"];
export type Scope = "read" | "deploy" | "admin";

export interface SignedIn {
  signedIn: true;
  name: string;
  scopes: Scope[];
  services: string[] | null;
  csrfToken: string;
}
