/** Suppresses the AWS SDK's notice to users of an old Node: our version is pinned. Call before loading it. */
export function silenceSdkWarnings(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
}
