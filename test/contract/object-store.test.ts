import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/app/system-clock.ts";
import { createDirectoryStore } from "../../src/directory/directory-store.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { tempDir } from "../support/temp-dir.ts";
import { objectStoreContract, type StoreUnderTest } from "./object-store.contract.ts";

const register = (title: string, body: () => Promise<void>) => void test(title, body);

objectStoreContract("memory", { makeStore: inMemory, register, keepsMetadata: true, showsSmallUploads: true });
objectStoreContract("directory", { makeStore: inDirectory, register, keepsMetadata: false, showsSmallUploads: true });

async function inMemory(): Promise<StoreUnderTest> {
  const store = new MemoryStore({ clock: systemClock });
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

async function inDirectory(): Promise<StoreUnderTest> {
  const temporary = await tempDir();
  const store = createDirectoryStore({ path: join(temporary.path, "ark"), minFree: "0%", clock: systemClock });
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}
