/**
 * Lists as mem0's clients want them: a plain list, one under `results`, or a page with its
 * neighbours. They are written piece by piece: "all memories" may be more than is held at once.
 */
import { Pace, paced } from "../../pace.ts";
import { selectWindow } from "../../selection.ts";
import type { Page } from "./asked.ts";

export interface List<T> {
  readonly count: number;
  /** Those from one place up to another; never from before the last that were asked for. */
  readonly slice: (from: number, to: number) => Promise<readonly T[]>;
}

const AT_ONCE = 50;
const SORTED_AT_ONCE = 5_000;

/** Sorted as far as it is asked for, a part at a time: what comes before a part is let go. */
export function sortedList<T, View>(
  found: readonly T[],
  compare: (a: T, b: T) => number,
  view: (item: T) => View,
): List<View> {
  let rest = [...found], before = 0, sorted: readonly T[] = [];
  return {
    count: found.length,
    async slice(at, end) {
      if (end > before + sorted.length) {
        const from = at - before, to = Math.max(end, at + SORTED_AT_ONCE) - before;
        sorted = await selectWindow(rest, compare, from, to);
        // The selection has put all that comes behind the part there, too.
        rest = rest.slice(from);
        before = at;
      }
      return await paced(sorted.slice(at - before, end - before), view);
    },
  };
}

/** Everything, as a plain list. */
export function plainList<T>(list: List<T>): Response {
  return streamed("[", "]", list, 0, list.count);
}

/** Everything, under the name that newer clients look for. */
export function resultsList<T>(list: List<T>): Response {
  return streamed('{"results":[', "]}", list, 0, list.count);
}

export function pageList<T>(list: List<T>, { page, size }: Page, request: Request): Response {
  const { count } = list;
  const from = (page - 1) * size, to = Math.min(count, from + size);
  const neighbours = {
    count,
    next: to < count ? addressOf(request, page + 1, size) : null,
    previous: page > 1 ? addressOf(request, page - 1, size) : null,
  };
  const head = `${JSON.stringify(neighbours).slice(0, -1)},"results":[`;
  return streamed(head, "]}", list, from, to);
}

function addressOf({ url }: Request, page: number, size: number): string {
  const address = new URL(url);
  address.searchParams.set("page", String(page));
  address.searchParams.set("page_size", String(size));
  return address.href;
}

function streamed<T>(head: string, tail: string, list: List<T>, from: number, to: number) {
  const encoder = new TextEncoder();
  const pace = new Pace();
  let at = from;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(head)),
    async pull(controller) {
      if (pace.due) await pace.breathe();
      const items = at < to ? await list.slice(at, Math.min(to, at + AT_ONCE)) : [];
      if (items.length > 0) {
        // One after the other: each may be as long as a memory may be.
        const texts = await paced(items, (item) => JSON.stringify(item));
        const text = texts.join(",");
        controller.enqueue(encoder.encode(at === from ? text : `,${text}`));
        at += items.length;
        return;
      }
      controller.enqueue(encoder.encode(tail));
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json; charset=utf-8" } });
}
