import type { Mutant } from "../mutant.ts";
import { doctorMutants } from "./doctor.ts";
import { etcdMutants } from "./etcd.ts";
import { fetchMutants } from "./fetch.ts";
import { formatMutants } from "./formats.ts";
import { inputMutants } from "./input.ts";
import { interruptionMutants } from "./interruption.ts";
import { machineMutants } from "./machine.ts";
import { promiseMutants } from "./promise.ts";
import { rebuildMutants } from "./rebuild.ts";
import { restoreMutants } from "./restore.ts";
import { rotationMutants } from "./rotation.ts";
import { s3Mutants } from "./s3.ts";
import { verifyMutants } from "./verify.ts";

/** Every mutant there is, in the order of the trouble table; then the promises. */
export const mutants: readonly Mutant[] = [
  ...inputMutants,
  ...s3Mutants,
  ...rotationMutants,
  ...etcdMutants,
  ...machineMutants,
  ...interruptionMutants,
  ...fetchMutants,
  ...promiseMutants,
  ...restoreMutants,
  ...doctorMutants,
  ...verifyMutants,
  ...formatMutants,
  ...rebuildMutants,
];
