# Restarted when the tag in Consul changes, which the deploy hook writes there. The first one is written by hand:
#
#   consul kv put configs/@@name@@/IMAGE_TAG release-20260102030405
#   nomad job run deploy/site.nomad.hcl
#
# Every instance restarts by itself, some time within `splay`, and asks nobody: there is no update block in this way,
# and for as long as a restart takes an instance is away. `statigo init --engine nomad` writes the job without that.
job "@@name@@" {
  datacenters = ["*"]
  type        = "service"

  group "web" {
    count          = 2
    shutdown_delay = "5s"

    network {
      port "http" {}
    }

    service {
      name = "@@name@@"
      port = "http"
      tags = [
        # fabio sends requests for this host here.
        "urlprefix-@@host@@/",
        # prometheus-scrape.yml finds what has this tag.
        "prometheus",
      ]
      meta {
        metrics_path = "/metrics"
      }
      check {
        type     = "http"
        path     = "/health"
        interval = "2s"
        timeout  = "1s"
      }
    }

    task "server" {
      driver = "docker"
      template {
        data        = <<EOH
{{ range ls "configs/@@name@@" }}
{{ .Key }}={{ .Value }}
{{ end }}
EOH
        destination = "local/env"
        env         = true
        change_mode = "restart"
        splay       = "30s"
      }
      config {
        image           = "@@image@@:${IMAGE_TAG}"
        ports           = ["http"]
        readonly_rootfs = true
        cap_drop        = ["all"]
      }
      resources {
        cpu    = 50
        memory = 16
      }
    }
  }
}
