/** What is looked at in the replies of a real API server. */
import { type ApiClient, type ApiReply, at } from "./api_client.ts";

/** The uid of nothing. */
export const NOBODY = "11111111-1111-1111-1111-111111111111";

/** Status, reason, and the fields at fault. */
export function told({ status, body }: ApiReply): unknown[] {
  const causes = at(body, "details.causes");
  const fields = Array.isArray(causes) ? causes.map((cause) => at(cause, "field")) : [];
  return [status, at(body, "reason"), ...new Set(fields)];
}

export function messageOf({ body }: ApiReply): string {
  return `${at(body, "message")}`;
}

export async function remove(
  api: ApiClient,
  path: string,
  preconditions: object,
): Promise<ApiReply> {
  return await api.ask("DELETE", path, { apiVersion: "v1", kind: "DeleteOptions", preconditions });
}
