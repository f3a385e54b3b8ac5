/**
 * What a key is called now, by what it was called in an earlier version or is called by those who come from another
 * program: `<the key above>.<the key>`. A key that is renamed or removed is added here.
 */
export const otherNames: Readonly<Record<string, string>> = {
  "consul.url": "address",
  "consul.path": "key",
  "docker.host": "engine",
  "docker.socket": "engine",
  "etcd.endpoints": "nodes",
  "etcd.path": "prefix",
  "kubernetes.url": "server",
  "nomad.url": "address",
  "portainer.token": "apiKey",
  "portainer.environment": "endpoint",
  "swarm.host": "engine",
  "swarm.socket": "engine",
};
