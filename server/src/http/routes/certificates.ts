import {
  Certificate,
  CertificateRequest,
  DryRunQuery,
  EmptyObject,
  IdParams,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  type CertificateDraft,
  removeCertificate,
  replaceCertificate,
  requireCertificate,
  uploadCertificate,
} from "../../commands/certificates.ts";
import { listUploadedCertificates } from "../../store/uploaded-certificates.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewCertificate } from "../views/certificate.ts";
import { answers } from "./responses.ts";

export function registerCertificateRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;

  app.get(
    "/api/reverse-proxies/certificates",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, response: answers(Type.Array(Certificate)) },
    },
    async (request): Promise<Certificate[]> =>
      (await listUploadedCertificates(db, request.caller.actor.account)).map(viewCertificate),
  );

  app.get(
    "/api/reverse-proxies/certificates/:id",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(Certificate) },
    },
    async (request): Promise<Certificate> =>
      viewCertificate(await requireCertificate(db, request.caller.actor.account, request.params.id)),
  );

  app.post(
    "/api/reverse-proxies/certificates",
    {
      config: { permission: ["services", "create"], invalidCode: "certificate.invalid" },
      schema: { tags, querystring: DryRunQuery, body: CertificateRequest, response: answers(Certificate) },
    },
    async (request): Promise<Certificate> => {
      const { caller, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return viewCertificate(await uploadCertificate(context, caller.actor, draftOf(body), options));
    },
  );

  app.put(
    "/api/reverse-proxies/certificates/:id",
    {
      config: { permission: ["services", "update"], invalidCode: "certificate.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: CertificateRequest,
        response: answers(Certificate),
      },
    },
    async (request): Promise<Certificate> => {
      const { caller, params, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return viewCertificate(
        await replaceCertificate(context, caller.actor, params.id, draftOf(body), options),
      );
    },
  );

  app.delete(
    "/api/reverse-proxies/certificates/:id",
    {
      config: { permission: ["services", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removeCertificate(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );
}

function draftOf({ name, certificate_chain, private_key = "" }: CertificateRequest): CertificateDraft {
  return { name, certificateChain: certificate_chain, privateKey: private_key };
}
