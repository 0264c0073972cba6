import { accountScene } from "./cases/account-scene.ts";
import { certificateScene } from "./cases/certificate-scene.ts";
import { networkScene } from "./cases/network-scene.ts";
import { serviceScene } from "./cases/service-scene.ts";
import type { DriftScene } from "./drift-case.ts";

export const scenes: readonly DriftScene[] = [accountScene, networkScene, serviceScene, certificateScene];
