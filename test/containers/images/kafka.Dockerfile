# Stands in for apache/kafka: the same jars on Debian's Java, with the user, folders and environment
# variables of the published image, as far as docker-compose.yml uses them.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends openjdk-21-jre-headless \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
RUN useradd --create-home --uid 1000 --shell /bin/bash appuser \
    && install -d -o appuser /opt/kafka /opt/kafka/config /var/lib/kafka/data
COPY libs /opt/kafka/libs
COPY log4j2.properties /opt/kafka/config/log4j2.properties
COPY kafka-run /etc/kafka/docker/run
USER appuser
VOLUME /var/lib/kafka/data
EXPOSE 9092
CMD ["/etc/kafka/docker/run"]
