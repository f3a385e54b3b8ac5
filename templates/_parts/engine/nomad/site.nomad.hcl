# Rolled by its own `update` block, one instance after the other; a release that is not healthy is taken back.
#
#   nomad job run -var tag=release-20260102030405 deploy/site.nomad.hcl
variable "tag" {
  type        = string
  description = "The tag of the image to begin with; the deploy hook sets the later ones."
}

job "@@name@@" {
  datacenters = ["*"]
  type        = "service"

  group "web" {
    count = 2
    # Out of the catalogue first, stopped then.
    shutdown_delay = "5s"

    update {
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

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
      config {
        image           = "@@image@@:${var.tag}"
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
